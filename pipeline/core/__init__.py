"""What all stages share: paths, options, schemas, tables, shards, decisions, parallel work."""
