"""The core server: kernel, identity, authorization, registry, gateway, and the processes that run them."""
