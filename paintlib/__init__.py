"""paintlib: the analytical theory of *Outline First, Details Later*, one noun of the theory per module."""
