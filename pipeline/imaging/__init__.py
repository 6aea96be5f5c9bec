"""Bytes and gray arrays: decoding, PNG, gray tones, borders, drawn marks. Knows no table and no stage."""
