-- Processes in debug mode are found among all others.

-- +goose Up

create index process_debug on process (id) where debug;
