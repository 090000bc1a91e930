"""What a resident proves who they are with, beside phone and passkeys: password, authenticator app, codes."""
