"""Where courses live: below a path, behind a proxy, in another site's frame. Each with the real program."""
