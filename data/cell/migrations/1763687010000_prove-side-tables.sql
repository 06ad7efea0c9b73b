-- What came with the mark, as both cells counted it: name, rowCount and hash of each table.
alter table move add column side_tables jsonb;
