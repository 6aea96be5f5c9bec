"""Bytes and gray arrays: decoding, PNG, gray tones, borders, drawn marks. Independent of tables and stages."""
