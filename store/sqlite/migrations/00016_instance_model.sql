-- The processes of one model are listed as all are, the newest first.

-- +goose Up

create index instance_model on instance (definition, start_time, id);
