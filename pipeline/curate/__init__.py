"""Curate anyone's films: from folders of images, with or without a table, to a data set, a report and a verdict.

Needs no project and no profile: it looks at the folders, guesses what the columns of their tables mean, writes a
profile that can be edited, and runs the stages. A stage whose inputs and options have not changed is not run again.
"""
