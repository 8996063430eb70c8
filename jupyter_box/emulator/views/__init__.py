"""The views, one module a resource: each is `(store, request) -> Response` and knows no sockets."""
