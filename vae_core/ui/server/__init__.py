"""What the app answers beside Streamlit's own: sockets, files, health. Starlette routes, put together in ``app.py``.

Open `run_socket` first: the socket of a run. What it has in common with `comparison_socket` and `room_socket` is in
`socket`; `messages` declares what browsers send, `replies` and `room_replies` what they get, and `messages_js` writes
both out for the JavaScript. Of a room, `presenter` is the presenter's part, `broadcast` makes a message once for all
who watch, and `compact` says what is in it. `state` holds what the server has one of, `visitor` tells tabs and browsers
apart, `early` lets a run play before Streamlit has loaded, `files` and `streamlit_files` send scripts and style sheets.
May import `engine` and all below it, never `widgets`.
"""
