"""A page in another site's frame, where a browser refuses its cookies: what does not work there, and the way out."""

from urllib.parse import urlencode

import streamlit as st

TOKEN = "_streamlit_xsrf"  # Streamlit's cookie, without which it takes no file


def can_upload() -> bool:
    """Whether files that are dropped will be taken; where not, the page has a button to where they are."""
    context = st.context
    if not st.get_option("server.enableXsrfProtection") or TOKEN in context.cookies or not context.headers:
        return True
    st.caption("This page is in another site's frame, where the browser refuses its cookies, and so its files.")
    query = urlencode(st.query_params.to_dict(), doseq=True)
    st.link_button("Open it in a tab of its own", f"{context.url}?{query}", icon=":material/open_in_new:")
    return False
