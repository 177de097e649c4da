"""How fast the site is, against what Pyramid and Kinto reach on the same machine."""
