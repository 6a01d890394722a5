-- For superusers only, and apart from everything.sql: an event trigger fires while other things are loaded.
\set ON_ERROR_STOP on
CREATE SCHEMA audit;
CREATE TABLE audit.changes (tag text);
CREATE FUNCTION audit.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit.changes VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER note_changes ON ddl_command_end WHEN TAG IN ('CREATE INDEX', 'CREATE VIEW') EXECUTE FUNCTION audit.note();
CREATE EVENT TRIGGER disabled_note ON sql_drop EXECUTE FUNCTION audit.note();
ALTER EVENT TRIGGER disabled_note DISABLE;
COMMENT ON EVENT TRIGGER note_changes IS 'notes changes';
