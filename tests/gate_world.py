"""What the tests of the gate write and see: marks in a table, and the sessions that make them."""

import asyncio


async def make_marks(owner_db):
    """Make a table of what verbs did; committing names that begin with `slow` takes 0.4 s."""

    async def make(tx):
        await tx.execute("CREATE TABLE marks (name text NOT NULL)")
        await tx.execute("GRANT SELECT, INSERT, UPDATE ON marks TO tradesense_app")
        await tx.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END $$"
        )
        await tx.execute(
            "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON marks"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name LIKE 'slow%')"
            " EXECUTE FUNCTION dawdle()"
        )

    await owner_db.run(make, key="marks")


class Marking:
    """A verb that leaves a mark and counts how often it was run."""

    def __init__(self, name="mark"):
        self.name = name
        self.runs = 0

    async def __call__(self, tx):
        self.runs += 1
        await tx.execute("INSERT INTO marks VALUES (%s)", (self.name,))
        return f"{self.name} {self.runs}"


async def marks_in(db):
    async with db.reading() as tx:
        return [
            row["name"] for row in await (await tx.execute("SELECT name FROM marks")).fetchall()
        ]


async def backend_of(db, *, doing):
    """
    Return the pid of the backend whose query contains `doing`, once there is one.

    Never the one that only begins: its isolation level is called READ COMMITTED.
    """
    while True:
        async with db.reading() as tx:
            found = await tx.execute(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND state = 'active'"
                " AND query NOT LIKE 'BEGIN%%'"
                " AND pid <> pg_backend_pid() AND datname = current_database()",
                (f"%{doing}%",),
            )
            if row := await found.fetchone():
                return row["pid"]
        await asyncio.sleep(0.01)


async def terminate(db, pid):
    async with db.reading() as tx:
        await tx.execute("SELECT pg_terminate_backend(%s)", (pid,))
