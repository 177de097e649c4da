"""`python -m microblog` is the `microblog` command."""

from microblog.commands import main

main()
