"""What one operation carries: the actor, the two doors to the database, and the reads it shares.

`Context` is filled in by `web/`; nothing below this stair imports it.
"""
