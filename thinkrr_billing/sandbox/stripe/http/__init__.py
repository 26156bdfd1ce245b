"""Where requests come in: the sockets, who answers what, a call of the API, the hosted pages."""
