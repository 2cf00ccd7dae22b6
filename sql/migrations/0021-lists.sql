-- lists of the operations in a state, or of a kind

CREATE INDEX operation_by_state ON operation (state, id);
CREATE INDEX operation_by_kind ON operation (kind, id);
