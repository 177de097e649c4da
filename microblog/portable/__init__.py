"""Taking one's data along: what a site writes for its users, and what it reads that
other sites have written."""
