"""The settings of whoever asks."""

from pyramid.authorization import Allow, Authenticated

from microblog.errors import NotFound
from microblog.resources.node import Acl, Node
from microblog.security import Permission
from microblog.store import Document, users


class Settings(Node):
    """One's own settings; there is no way to anybody else's."""

    @property
    def document(self) -> Document:
        """The reader's document. NotFound: the account is deleted meanwhile."""
        user = users.find(self.database, self.request.identity.username)
        if user is None:
            raise NotFound("there is no such user")
        return user

    def grants(self) -> Acl:
        granted = [(Allow, Authenticated, Permission.CHANGE_SETTINGS)]
        if self.request.site.registration_users_invite:
            granted.append((Allow, Authenticated, Permission.INVITE))
        return granted
