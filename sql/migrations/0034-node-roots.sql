-- where the state of a layer 2 had which rows, its events tell

DROP TABLE node_root;
