"""Where the tables of a database stand that is divided into cells: begun, added, migrated."""
