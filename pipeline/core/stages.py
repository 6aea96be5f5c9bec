"""The order of the stages, once for the whole code."""

TABLE_STAGES = ("dedupe", "views", "harmonise")  # each adds columns to the rows of the pool, in <stage>.parquet
BUILD_STAGES = ("ingest", *TABLE_STAGES, "manifest", "split")  # what makes the data set
STAGES = (*BUILD_STAGES, "prepare", "contradictions")  # and what reads it before training
EXCLUDING_STAGES = ("fetch", "ingest", *TABLE_STAGES, "manifest")  # what `excluded_by` may name, in order

PICTURE_STAGES = ("ingest", *TABLE_STAGES, "prepare")  # work picture by picture: processes or a cluster help
