"""Whatever is given to networks, measures, data and files: a finite answer of the right shape, or a `ValueError`."""

import json
import re
import warnings

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from test_networks import LINEAR, tiny_unet
from tries import tries

from paintlib import data, measure
from paintlib.networks import EDMNetwork, FlowNetwork, Network, load
from paintlib.schedules import EDM, VP, Flow, Level, Tabulated

WORD = re.compile(r"\w.*: (got )?.*; \w", re.DOTALL)  # quantity: what came; remedy
TABLE = Tabulated.ddpm()


def answered(call):
    """The answer of `call`, or None where it was refused with a word; any other end is an error of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return call()
        except ValueError as error:
            assert WORD.search(str(error)), f"an unexplained error: {error!r}"
            return None


floats = st.one_of(st.floats(-3, 3), st.sampled_from([float("nan"), float("inf"), 0.0, 1e-300, 1e300]))
dtypes = st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.uint8, np.complex128, bool])


@st.composite
def any_array(draw, shapes, clean=0.8):
    """An array, mostly of finite floats, in NumPy or torch, or a list."""
    shape = draw(shapes)
    if draw(st.floats(0, 1)) < clean:
        a = (
            np.random.default_rng(draw(st.integers(0, 99)))
            .normal(size=shape)
            .astype(draw(dtypes) if draw(st.booleans()) else float)
        )
    else:
        a = draw(arrays(float, shape, elements=floats))
    how = draw(st.sampled_from(["numpy", "numpy", "torch", "torch with gradient", "list"]))
    if how == "list":
        return a.tolist()
    if how == "numpy":
        return a
    a = torch.as_tensor(a)
    return a.requires_grad_() if how.endswith("gradient") and a.is_floating_point() else a


sizes = st.one_of(st.floats(0, 3), st.sampled_from([0.0, 1.0, 100.0, 1e-6, float("inf"), -1.0]))


@st.composite
def any_level(draw):
    if draw(st.booleans()):
        return (draw(sizes), draw(sizes))
    n = draw(st.integers(1, 3))
    return tuple(np.array(draw(st.lists(sizes, min_size=n, max_size=n))) for _ in range(2))


OUTPUTS = {
    "same": lambda x, t: 0.5 * x,
    "tuple": lambda x, t: (0.5 * x,),
    "variances": lambda x, t: torch.cat([x, x], 1),
    "nan": lambda x, t: x * float("nan"),
    "none": lambda x, t: None,
    "flat": lambda x, t: x.flatten(1),
    "uses the times": lambda x, t: x * t.reshape(-1, 1, 1, 1) / 1000,
}
KINDS = {
    "epsilon": lambda net: Network(net, TABLE, (1, 2, 2)),
    "v": lambda net: Network(net, TABLE, (1, 2, 2), "v_prediction"),
    "continuous": lambda net: Network(net, VP(), (1, 2, 2), "sample"),
    "edm": lambda net: EDMNetwork(net, (1, 2, 2)),
    "flow": lambda net: FlowNetwork(net, (1, 2, 2), (1, 0), batch=2),
}


@tries(150)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    output=st.sampled_from(sorted(OUTPUTS)),
    x=any_array(st.one_of(st.sampled_from([(4,), (2, 4), (3, 4), (2, 3, 4)]), array_shapes(max_dims=3, max_side=4))),
    level=any_level(),
)
def test_a_network_answers_any_state_at_any_level(kind, output, x, level):
    network = KINDS[kind](OUTPUTS[output])
    x0_hat = answered(lambda: network.denoise(x, Level(*level)))
    if x0_hat is not None:
        assert type(x0_hat) is type(x.detach() if isinstance(x, torch.Tensor) else x)
        assert x0_hat.shape == x.shape and x0_hat.dtype == x.dtype
        assert bool(torch.isfinite(torch.as_tensor(x0_hat)).all())


anything = st.one_of(
    st.none(), st.integers(-2, 5), floats, st.text(max_size=3), st.tuples(floats, floats),
    st.tuples(*3 * [st.integers(-1, 4)]),
    st.sampled_from([TABLE, VP(), EDM(), Flow(), "epsilon", (1, 2, 2), [8, 8, 3], (0, 1000), (1, 0), len]),
)  # fmt: skip


@tries(150)
@given(net=anything, first=anything, second=anything, third=anything, batch=anything)
def test_an_adapter_is_made_of_what_fits_or_refused(net, first, second, third, batch):
    made = [
        answered(lambda: Network(net, first, second, third, batch)),
        answered(lambda: EDMNetwork(net, first, second, batch)),
        answered(lambda: FlowNetwork(net, first, second, batch)),
    ]
    assert all(network is None or network.D >= 1 for network in made)


# Measures


@tries(150)
@given(st.tuples(*(any_array(st.sampled_from([(3,), (3, 3), (2,), (2, 2), (0,), (3, 2)]), 0.95) for _ in range(4))))
def test_frechet_of_anything(moments):
    value = answered(lambda: measure.frechet(*moments))
    assert value is None or np.isfinite(value)


@tries(60)
@given(
    st.integers(1, 4), st.integers(0, 99), st.sampled_from(["f4", "f8"]), st.sampled_from([np.asarray, torch.as_tensor])
)
def test_frechet_of_covariances_of_any_kind_is_a_distance(D, seed, dtype, cast):
    rng = np.random.default_rng(seed)
    m, A = rng.normal(size=(2, D)), rng.normal(size=(2, D, rng.integers(1, D + 1)))
    C = A @ A.transpose(0, 2, 1)
    a, b = ((cast(mean.astype(dtype)), cast(cov.astype(dtype))) for mean, cov in zip(m, C, strict=True))
    tolerance = 1e-2 if dtype == "f4" else 1e-6
    assert measure.frechet(*a, *b) == pytest.approx(measure.frechet(*b, *a), abs=tolerance)
    assert abs(measure.frechet(*a, *a)) < tolerance and measure.frechet(*a, *b) > -tolerance


@tries(100)
@given(*(any_array(st.sampled_from([(5, 3), (1, 3), (5, 4), (5,), (0, 3), (5, 1)]), 0.9) for _ in range(2)))
def test_fid_of_anything(a, b):
    value = answered(lambda: measure.fid(a, b))
    assert value is None or np.isfinite(value)


@tries(100)
@given(
    *(any_array(st.sampled_from([(12, 3), (2, 12, 3), (9, 3), (12,), (12, 0)]), 0.95) for _ in range(2)),
    st.booleans(), st.one_of(floats, st.just(0.95)), st.one_of(st.integers(-1, 50), st.just(100)),
)  # fmt: skip
def test_explained_variance_of_anything(a, b, centred, confidence, resamples):
    rng = np.random.default_rng(0)
    found = answered(lambda: measure.explained_variance(a, b, rng, centred, confidence, resamples))
    assert found is None or all(np.isfinite(v).all() for v in (found.value, found.low, found.high))


@tries(60)
@given(any_array(array_shapes(max_dims=4, max_side=3)), st.one_of(st.integers(-1, 3), st.none(), floats))
def test_pictures_for_inception_are_taken_or_refused_before_its_weights_are_sought(images, batch):
    with pytest.raises(ValueError, match=r"images|batch|weights"):
        measure.inception_features(images, weights="no such file", batch=batch)


@tries(60)
@given(*(any_array(st.sampled_from([(1, 3, 31, 31), (1, 1, 31, 31), (2, 3, 31, 31), (3, 31, 31)])) for _ in range(2)))
def test_pairs_for_lpips_are_taken_or_refused_before_its_weights_are_sought(a, b):
    with pytest.raises(ValueError, match=r"(a|b|weights): got"):
        measure.lpips(a, b, weights="no such file")


# Data


@tries(150)
@given(any_array(array_shapes(max_dims=4, max_side=4)), st.one_of(st.integers(-2, 3), floats, st.none()), floats)
def test_pictures_of_any_form(images, margin, black):
    x = answered(lambda: data.to_vectors(images))
    assert x is None or (np.isfinite(x).all() and np.abs(x).max() <= 1)
    padded = answered(lambda: data.pad(images, margin, black))
    assert padded is None or len(padded) == len(images)


@tries(100)
@given(any_array(array_shapes(max_dims=3, max_side=6)), st.one_of(st.tuples(*2 * [st.integers(-1, 3)]), anything))
def test_vectors_of_any_form_shown_as_any_picture(x, shape):
    shown = answered(lambda: data.to_images(x, shape))
    assert shown is None or (shown.min() >= 0 and shown.max() <= 1)
    kept = answered(lambda: data.to_uint8(x, shape))
    assert (shown is None and kept is None) or np.abs(kept / 255.0 - shown).max() <= 0.502 / 255


@tries(60)
@given(anything, anything, anything)
def test_names_of_sets_that_are_none(name, split, file):
    assert answered(lambda: data.load(name, split, file=file)) is None
    assert answered(lambda: data.sample(name)) is None


# Files


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    diffusers.DDPMPipeline(tiny_unet(), diffusers.DDPMScheduler(**LINEAR)).save_pretrained(folder)
    return folder


CHANGES = st.dictionaries(
    st.sampled_from(["sample_size", "in_channels", "out_channels", "block_out_channels", "_class_name",
                     "layers_per_block",
                     "norm_num_groups", "num_class_embeds", "down_block_types", "prediction_type", "beta_schedule",
                     "num_train_timesteps", "beta_end", "variance_type", "trained_betas", "nonsense"]),
    st.one_of(st.none(), st.integers(-1, 12), st.sampled_from(["", "epsilon", "v_prediction", "linear", "DDIMScheduler",
              "FlowMatchEulerDiscreteScheduler", "EDMEulerScheduler", "PNDMScheduler", "UNet2DModel",
              [8, 8], {}, [], 0.5])),
    max_size=2,
)  # fmt: skip


@example(unet={"norm_num_groups": -1}, scheduler={})
@example(unet={"norm_num_groups": 0.5}, scheduler={})
@tries(25)
@given(unet=CHANGES, scheduler=CHANGES)
def test_a_folder_with_changed_configs_loads_whole_or_is_refused(good, tmp_path_factory, unet, scheduler):
    folder = tmp_path_factory.mktemp("changed")
    for part, file, changes in (("unet", "config.json", unet), ("scheduler", "scheduler_config.json", scheduler)):
        (folder / part).mkdir()
        config = json.loads((good / part / file).read_text()) | changes
        (folder / part / file).write_text(json.dumps(config))
    weights = "diffusion_pytorch_model.safetensors"
    (folder / "unet" / weights).symlink_to(good / "unet" / weights)
    network = answered(lambda: load(str(folder), device="cpu"))
    if network is not None:
        x = np.random.default_rng(0).normal(size=(1, network.D))
        x0_hat = answered(lambda: network.denoise(x, Level(0.6, 0.8)))
        assert x0_hat is None or np.isfinite(x0_hat).all()
