"""The page of `jaxcollapse.report` over a study that stays on disk: `jaxcollapse explore` serves what it asks for."""
