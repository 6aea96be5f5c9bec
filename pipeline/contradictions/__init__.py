"""List labels that other evidence contradicts, for a person to review.

The evidence: RT-PCR results, findings, copies, ages, sexes and a cross-validated classifier. Reads data/manifest/,
data/conflicts.parquet and data/arrays/. Writes data/contradictions.parquet. Changes nothing.
"""
