"""Journal articles: full text, figures and their files."""
