"""Generator and discriminator pairs, one file per family; sizes by argument."""
