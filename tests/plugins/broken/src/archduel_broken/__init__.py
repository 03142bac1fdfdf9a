"""A plug-in in which everything is wrong in another way. Tests of archduel install it."""
