"""How the models that ship are trained (Eq. 5) and released: recipes, loss, optimiser, loop, card."""
