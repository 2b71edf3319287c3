"""Asks for the token of whoever runs a class, and remembers for a tab that it was given."""

import streamlit as st

from vae_core.ui.server.admin import TOKEN, at_the_machine, has_token, is_token

ADMIN = "admin"  # in the session state: the token was given in this tab


def is_admin() -> bool:
    """Whether this tab has given the token."""
    return bool(st.session_state.get(ADMIN))


def owns_the_server() -> bool:
    """Whether this tab is of who runs the server: it has given the token or, without one, is on the machine itself."""
    if has_token():
        return is_admin()
    return at_the_machine(st.context.ip_address, st.context.headers)


def ask_for_token() -> None:
    """Ask this tab for the token, and say so if it is another."""
    with st.form("admin_token", width=420):
        text = st.text_input("Token", type="password", help=f"The value of {TOKEN} on the server.")
        if st.form_submit_button("Continue", type="primary"):
            if is_token(text):
                st.session_state[ADMIN] = True
                st.rerun()
            st.error(f"This is not the token. It is the value of {TOKEN} on the server.")
