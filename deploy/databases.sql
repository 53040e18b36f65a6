-- One Postgres, and for each service a database of its own: neither sees the other's accounts.
CREATE DATABASE stateful;
CREATE DATABASE stateless;
