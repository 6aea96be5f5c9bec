"""The stages in their order; everything else takes it from here."""

TABLE_STAGES = ("dedupe", "views", "segment", "harmonise")  # each adds columns to the rows, in <stage>.parquet
BUILD_STAGES = ("ingest", *TABLE_STAGES, "manifest", "split")  # they make the data set
STAGES = (*BUILD_STAGES, "prepare", "contradictions")  # and those that read it before training
EXCLUDING_STAGES = ("fetch", "ingest", *TABLE_STAGES, "manifest")  # possible values of `excluded_by`

PICTURE_STAGES = ("ingest", *TABLE_STAGES, "prepare")  # they read pictures; several processes or a cluster help
