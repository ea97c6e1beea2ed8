-- The last results of each patch, so that one can be published without computing it.
CREATE TABLE results (
    run TEXT NOT NULL,
    patch TEXT NOT NULL,
    result BLOB NOT NULL,
    PRIMARY KEY (run, patch)
) STRICT, WITHOUT ROWID;
