"""The resource tree: root → users → user → microposts → micropost.

A node carries the document that it stands for, and an ACL; it knows neither JSON nor
addresses. `__getitem__` raises KeyError for "no such child" and for nothing else, and
looks at the grammar of a name before it asks the store.
"""
