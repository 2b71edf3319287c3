"""The app's screen, and the only room that knows Streamlit.

`server` answers browsers beside Streamlit: sockets, files, the state that all visitors share. `widgets` is what pages
are put together from; they import the server, and nothing runs back. `web` is what runs in the browser: one folder
for each part of the screen, and `shared`. May import every other room; torch is never loaded here, as workers train.
Open `server/run_socket.py` first, which streams a run, then `widgets/stage.py`, which shows it.
"""

from pathlib import Path

ICON, LOGO = (Path(__file__).parent / name for name in ("icon.svg", "logo.svg"))
