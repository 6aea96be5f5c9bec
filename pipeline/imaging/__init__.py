"""Gray arrays: PNG, gray tones, borders, drawn marks. Independent of tables and stages."""
