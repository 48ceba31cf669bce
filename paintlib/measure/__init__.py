"""How far apart: the Fréchet distance and FID (Eq. 19), LPIPS, and how much of one score another explains.

measure.frechet(mean1, cov1, mean2, cov2)        between Gaussians, singular ones too
measure.fid(features_a, features_b)              FID, from measure.inception_features(images)
measure.lpips(a, b)                              perceptual distance of image pairs
measure.explained_variance(a, b, rng)            of score b by score a, by noise level, with an interval
measure.nearest(x, album)                        how near samples are to pictures of an album
measure.stored("clocks_cifar10")                 a table that ships
"""

from paintlib.measure.copies import nearest
from paintlib.measure.distance import fid, frechet, frechet_gaussians
from paintlib.measure.explained import Explained, explained_variance
from paintlib.measure.inception import inception_features, keep_features, load_inception
from paintlib.measure.perceptual import load_lpips, lpips
from paintlib.measure.stored import stored

__all__ = [
    "Explained",
    "explained_variance",
    "fid",
    "frechet",
    "frechet_gaussians",
    "inception_features",
    "keep_features",
    "load_inception",
    "load_lpips",
    "lpips",
    "nearest",
    "stored",
]
