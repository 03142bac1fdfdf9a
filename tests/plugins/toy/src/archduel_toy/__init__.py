"""A plug-in for archduel that adds one entry of each kind. Its tests install it."""
