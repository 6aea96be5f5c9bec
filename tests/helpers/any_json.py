"""Arbitrary JSON for property tests of readers."""

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "includes", "media", "attachments", "media_keys", "id", "text", "meta", "url", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
