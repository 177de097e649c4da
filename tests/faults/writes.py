"""All that people write, each as a person does it and sees what came of it."""

from typing import Any

from tests.factories import PASSWORD
from tests.faults.rig import KEY
from tests.site import Site

NEW_PASSWORD = "another lantern over the river"  # nosec


class Write:
    """Something that `name` does; bob looks on."""

    done = {200, 201, 204}  # what is answered when it is done, now or before

    def __init__(self, site: Site, name: str, bob: str):
        """`bob`: bob's token."""
        self.site = site
        self.name = name
        self.bob = bob
        self.path = f"/api/users/{name}"
        self.token = ""
        self.prepare()

    def prepare(self) -> None:
        """What stands there before."""
        self.token = self.site.register(self.name)

    def act(self) -> int:
        """Do it; the status."""
        raise NotImplementedError

    def is_done(self) -> bool:
        """Whether it is done; it fails if it is done by halves."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: Any = None, **more: str) -> Any:
        """Status and answer of a request of one's own, below one's address."""
        return self.site.request(method, self.path + path, body, self.token, **more)

    def look(self, path: str = "", name: str = "") -> Any:
        """Status and answer of what bob asks for below an address."""
        below = f"/api/users/{name or self.name}{path}"
        return self.site.request("GET", below, None, self.bob)

    def posted(self, text: str) -> str:
        """The id of a new micropost."""
        return str(self.ask("POST", "/collection", {"text": text})[1]["id"])

    def listed(self) -> dict[str, str]:
        """What the user's page shows, which must fit all the rest."""
        found = self.look("/collection")[1]["result"]
        texts = {one["id"]: one["text"] for one in found}
        assert len(texts) == len(found) == self.look()[1]["microposts"]
        for one in found:
            assert self.look(f"/collection/{one['id']}") == (200, one)
        return texts

    def log_in(self, password: str) -> bool:
        """Whether the password opens the account; the token is kept."""
        body = {"username": self.name, "password": password}
        status, answer = self.site.request("POST", "/api/token", body)
        assert status in {200, 400}
        if status == 200:
            self.token = answer["access_token"]
        return status == 200


class Post(Write):
    """A micropost."""

    def act(self) -> int:
        said = {"text": "once @bob #tag"}
        status: int = self.ask("POST", "/collection", said, **KEY)[0]
        return status

    def is_done(self) -> bool:
        return [*self.listed().values()] == ["once @bob #tag"]


class Edit(Write):
    """A micropost's text."""

    def prepare(self) -> None:
        super().prepare()
        self.id = self.posted("old #before")

    def act(self) -> int:
        status: int = self.ask("PUT", f"/collection/{self.id}", {"text": "new"})[0]
        return status

    def is_done(self) -> bool:
        (text,) = self.listed().values()
        assert text in {"new", "old #before"}
        return text == "new"


class Delete(Write):
    """The end of a micropost; another stays."""

    done = {204, 404}

    def prepare(self) -> None:
        super().prepare()
        self.id, self.other = self.posted("goes"), self.posted("stays")

    def act(self) -> int:
        status: int = self.ask("DELETE", f"/collection/{self.id}")[0]
        return status

    def is_done(self) -> bool:
        listed = self.listed()
        assert self.other in listed
        status = self.look(f"/collection/{self.id}")[0]
        assert status == (200 if self.id in listed else 404)
        return self.id not in listed


class Follow(Write):
    """To read somebody."""

    def prepare(self) -> None:
        super().prepare()
        self.followee = f"{self.name}s"
        self.site.register(self.followee)

    def act(self) -> int:
        body = {"username": self.followee}
        status: int = self.ask("POST", "/following", body)[0]
        return status

    def is_done(self) -> bool:
        is_following = bool(self.look(f"/following/{self.followee}")[0] == 200)
        number = int(is_following)
        assert len(self.look("/following")[1]["result"]) == number
        assert len(self.look("/followers", self.followee)[1]["result"]) == number
        assert self.look()[1]["following"] == number
        assert self.look("", self.followee)[1]["followers"] == number
        return is_following


class Unfollow(Follow):
    """To read somebody no more."""

    def prepare(self) -> None:
        super().prepare()
        assert super().act() == 201

    def act(self) -> int:
        status: int = self.ask("DELETE", f"/following/{self.followee}")[0]
        return status

    def is_done(self) -> bool:
        return not super().is_done()


class Register(Write):
    """An account."""

    done = {201, 409}

    def prepare(self) -> None:
        """Nothing."""

    def act(self) -> int:
        user = {"username": self.name, "password": PASSWORD}
        return self.site.request("POST", "/api/users", user)[0]

    def is_done(self) -> bool:
        is_there = bool(self.look()[0] == 200)
        assert self.log_in(PASSWORD) == is_there
        return is_there


class ChangePassword(Write):
    """Another password. Whoever was logged in is out, if it is the new one."""

    def act(self) -> int:
        self.before = self.token
        body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
        status: int = self.ask("PATCH", "", body)[0]
        return status

    def is_done(self) -> bool:
        is_new = self.log_in(NEW_PASSWORD)
        assert self.log_in(PASSWORD) != is_new
        status = self.site.request("GET", self.path, None, self.before)[0]
        assert status == 401 or not is_new
        return is_new


class DeleteAccount(Write):
    """The end of an account that has written and followed."""

    done = {204, 401}

    def prepare(self) -> None:
        super().prepare()
        self.posted("farewell #tag")
        self.site.register(f"{self.name}s")
        self.ask("POST", "/following", {"username": f"{self.name}s"})

    def act(self) -> int:
        return int(self.ask("DELETE", "", {"password": PASSWORD})[0])

    def is_done(self) -> bool:
        is_there = bool(self.look()[0] == 200)
        assert self.log_in(PASSWORD) == is_there
        follower = self.look("/followers", f"{self.name}s")[1]["result"]
        assert len(follower) == int(is_there)
        return not is_there


ALL = [Post, Edit, Delete, Follow, Unfollow, Register, ChangePassword, DeleteAccount]
