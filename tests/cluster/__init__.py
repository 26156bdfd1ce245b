"""The deployment on many hosts, each a network namespace, while one dies: `make cluster`."""
