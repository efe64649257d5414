-- Deadlines that have passed are found among all others.

-- +goose Up

create index attempt_deadline on attempt (deadline, id, epoch) where deadline is not null;
