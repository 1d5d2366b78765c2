"""
What waits for a person, on one page: of every module, with the command that shows more.

Nothing here is stored: each line is read from the records of the module whose trouble it is.
"""
