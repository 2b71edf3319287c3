"""Whoever runs a class: known by the token in NOISE_LAB_ADMIN_TOKEN. Without one there is no such person."""

import hmac
import os

import streamlit as st

TOKEN = "NOISE_LAB_ADMIN_TOKEN"
SHORTEST = 16  # characters of a token
ADMIN = "admin"  # in the session state: the token was given in this tab


def has_token() -> bool:
    """Whether the server has a token.

    Raises:
        SystemExit: it could be guessed, with a sentence: nobody counts wrong guesses.
    """
    token = os.environ.get(TOKEN, "")
    if 0 < len(token) < SHORTEST:
        raise SystemExit(f"{TOKEN} should have at least {SHORTEST} characters; it has {len(token)}.")
    return bool(token)


def is_token(text: str) -> bool:
    """Whether a text is the server's token, in a time that does not tell how much of it is right."""
    return has_token() and hmac.compare_digest(os.environ[TOKEN].encode(), text.encode(errors="surrogatepass"))


def is_admin() -> bool:
    """Whether this tab has given the token."""
    return bool(st.session_state.get(ADMIN))


def ask_for_token() -> None:
    """Ask this tab for the token, and say so if it is another."""
    with st.form("admin_token", width=420):
        text = st.text_input("Token", type="password", help=f"The value of {TOKEN} on the server.")
        if st.form_submit_button("Continue", type="primary"):
            if is_token(text):
                st.session_state[ADMIN] = True
                st.rerun()
            st.error(f"This is not the token. It is the value of {TOKEN} on the server.")
