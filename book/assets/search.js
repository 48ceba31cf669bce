// The book's own index in Sphinx's search: the page that a word is treated on comes first, then what was found elsewhere.
var Scorer = {
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};

const TREATED = {
  "chapters/01": "forward process, adding noise, reverse SDE, stochastic differential equation, probability flow, ODE, Tweedie, score, denoising, epsilon prediction, v prediction, velocity, noise schedule, DDPM, DDIM, training objective, loss, rectified flow, flow matching",
  "chapters/02": "closed form, analytical solution, Gaussian solution, Woodbury, low rank, psi, xi, linear filter",
  "chapters/03": "rotation, slerp, spherical interpolation, bound, conserved quantity, plane",
  "chapters/04": "outline first, coarse to fine, emergence, order of features, power spectrum, spatial frequency, principal components, coloured noise, colored noise, spectral autoregression",
  "chapters/05": "perturbation, nudge, gain, sensitivity, off manifold, editing",
  "chapters/06": "sampler, samplers, Heun, Runge-Kutta, RK4, multistep, DPM solver, discretisation error, discretization error, prior mismatch, step size",
  "chapters/07": "memorisation, memorization, retrieval, softmax attention, mean shift, collapse, exact score, optimal denoiser, training set, copying, empirical distribution",
  "chapters/08": "mixture, Gaussian mixture, modes, speciation, symmetry breaking, commitment",
  "chapters/09": "network, neural network, watch a network, CIFAR-10, Fashion-MNIST",
  "chapters/10": "trajectory, PCA trajectory, dimension of trajectory, boomerang, curvature, Euler scheduler",
  "chapters/11": "theory against network, explained variance, score error",
  "chapters/12": "teleportation, skip steps, fewer steps, function evaluations, NFE, warm start",
  "chapters/13": "FID, time steps, timesteps, step schedule, optimal grid, dynamic programming, Karras grid, few steps",
  "chapters/14": "prompt, text to image, Stable Diffusion, latent diffusion, autoencoder, decoder",
  "chapters/15": "image manifold, latent walk, interpolation, LPIPS, perceptual distance",
  "chapters/16": "guidance, classifier-free guidance, guidance scale, schedulers",
  "chapters/17": "local score, locality, keyhole, patches, equivariance, creativity, generalisation, generalization",
  "chapters/18": "training order, learning, spectral bias, autoguidance, overfitting, early stopping",
  "book/errata": "errata, erratum, mistakes in the paper",
  "book/equations": "ledger, equation",
  "book/notation": "notation, symbols",
  "book/glossary": "glossary, meaning of words",
  "book/use": "install, Colab, JupyterLab, run",
  "book/teaching": "teach, course, syllabus, slides, semester",
  "book/your_own_network": "own network, own model, checkpoint",
};

document.addEventListener("DOMContentLoaded", () => {
  const stem = new Stemmer();
  const words = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((w) => w && !["of", "the", "a", "in", "is", "what", "how", "why"].includes(w))
    .map((w) => stem.stemWord(w));
  const within = (few, many) => few.every((w) => many.includes(w));
  // How well a page's own words answer the query: the words in common, of phrases that hold the query or are held by it.
  const fit = (query, phrases) => Math.max(0, ...phrases.map((phrase) =>
    within(phrase, query) ? phrase.length + (phrase.length === query.length) / 2 : within(query, phrase) ? query.length / 2 : 0));
  const pages = Object.entries(TREATED).map(([page, text]) => [page, text.split(", ").map(words)]);
  // No formula is set here: a short one is told by the names of its letters, a long one left out.
  const said = Search.htmlToText;
  const told = (tex) => /[{}]/.test(tex) ? "…" : tex.replace(/\\([a-z]+) ?/gi, "$1 ").replace(/\\[^a-z]/gi, " ").trim();
  Search.htmlToText = (...page) => said(...page).replace(/\\([([])([^]*?)\\[)\]]/g, (_, open, tex) => told(tex));
  const find = Search._performSearch;
  Search._performSearch = (query, ...rest) => {
    const { docnames, titles, filenames } = Search._index;
    const asked = words(query);
    const first = pages.map(([page, phrases]) => [fit(asked, phrases), docnames.findIndex((name) => name.startsWith(page))])
      .filter(([share, at]) => share > 0 && at >= 0).sort((a, b) => a[0] - b[0]);
    const shown = new Set(first.map(([, at]) => docnames[at]));
    const found = find(query, ...rest).filter(([name, , anchor]) => anchor || !shown.has(name));
    return [...found, ...first.map(([share, at]) => [docnames[at], titles[at], "", null, 100 + share, filenames[at]])];
  };
});
