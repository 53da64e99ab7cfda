"""Where the server keeps requests: in memory, in an SQLite file, in PostgreSQL."""
