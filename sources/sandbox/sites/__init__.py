"""How each site shows its films: one module per source, each turns films into the files of an offline mirror."""
