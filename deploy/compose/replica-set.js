// Makes the replica set, unless there is one, and waits for its primary.
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({
    _id: "microblog",
    members: ["mongo1", "mongo2", "mongo3"].map((host, _id) => ({ _id, host: host + ":27017" })),
  });
}
while (!rs.status().members.some((member) => member.stateStr === "PRIMARY")) sleep(200);
