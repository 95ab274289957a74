"""Networks that come with the project, each a package: data, training, integer form, program."""
