-- The tables of a small Liferay, in the forms that matter to a backup: names with a trailing underscore, oid columns, circular
-- use of ids.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE public.company (mvccversion bigint DEFAULT 0 NOT NULL, companyid bigint PRIMARY KEY, webid varchar(75) UNIQUE,
  mx varchar(200), active_ boolean);
CREATE TABLE public.group_ (groupid bigint PRIMARY KEY, companyid bigint NOT NULL REFERENCES public.company, groupkey varchar(150),
  friendlyurl varchar(255),
  typesettings text, UNIQUE (companyid, friendlyurl));
CREATE TABLE public.user_ (userid bigint PRIMARY KEY, companyid bigint NOT NULL REFERENCES public.company, screenname varchar(75),
  emailaddress varchar(254),
  password_ varchar(255), portraitid bigint, createdate timestamp, lastlogindate timestamp, UNIQUE (companyid, screenname));
CREATE INDEX ix_user_email ON public.user_ (companyid, lower(emailaddress));
CREATE TABLE public.role_ (roleid bigint PRIMARY KEY, companyid bigint NOT NULL, name varchar(75), type_ integer);
CREATE TABLE public.users_roles (userid bigint, roleid bigint, PRIMARY KEY (userid, roleid));
CREATE TABLE public.dlfolder (folderid bigint PRIMARY KEY, groupid bigint NOT NULL, companyid bigint NOT NULL, name varchar(255),
  treepath text);
CREATE TABLE public.dlfileentry (mvccversion bigint DEFAULT 0 NOT NULL, ctcollectionid bigint DEFAULT 0 NOT NULL,
  fileentryid bigint NOT NULL, groupid bigint,
  companyid bigint NOT NULL REFERENCES public.company, repositoryid bigint, folderid bigint, name varchar(255), extension varchar(75),
  mimetype varchar(75),
  title varchar(255), version varchar(75), size_ bigint, PRIMARY KEY (fileentryid, ctcollectionid));
CREATE UNIQUE INDEX ix_dlfileentry_name ON public.dlfileentry (groupid, folderid, name, ctcollectionid);
CREATE TABLE public.dlfileversion (fileversionid bigint PRIMARY KEY, fileentryid bigint NOT NULL, companyid bigint NOT NULL,
  version varchar(75),
  storeuuid varchar(255), size_ bigint, checksum varchar(75), extrasettings text, status integer DEFAULT 0);
CREATE INDEX ix_dlfileversion_entry ON public.dlfileversion (fileentryid, version);
CREATE TABLE public.journalarticle (id_ bigint PRIMARY KEY, resourceprimkey bigint, groupid bigint, articleid varchar(75),
  version double precision,
  urltitle varchar(255), content text, displaydate timestamp, status integer);
CREATE TABLE public.assetentry (entryid bigint PRIMARY KEY, groupid bigint, classnameid bigint, classpk bigint, title text,
  priority double precision, publishdate timestamp);
CREATE INDEX ix_assetentry ON public.assetentry (classnameid, classpk);
CREATE TABLE public.counter (name varchar(150) PRIMARY KEY, currentid bigint);
CREATE TABLE public.image (imageid bigint PRIMARY KEY, companyid bigint, type_ varchar(75), height integer, width integer, size_ integer);
CREATE TABLE public.portalpreferences (portalpreferencesid bigint PRIMARY KEY, companyid bigint, ownerid bigint, ownertype integer);
CREATE TABLE public.portalpreferencevalue (portalpreferencevalueid bigserial PRIMARY KEY, portalpreferencesid bigint
  REFERENCES public.portalpreferences,
  namespace varchar(255), key_ varchar(255), smallvalue varchar(255), largevalue text);
CREATE TABLE public.quartz_job_details (sched_name varchar(120), job_name varchar(200), job_data bytea, PRIMARY KEY (sched_name,
  job_name));
CREATE TABLE public.dlcontent (contentid bigint PRIMARY KEY, path_ varchar(255), data_ oid, size_ bigint);
CREATE RULE delete_dlcontent_data_ AS ON DELETE TO public.dlcontent DO ALSO
  SELECT CASE WHEN OLD.data_ IS NOT NULL THEN lo_unlink(OLD.data_) END;
CREATE TABLE public.release_ (releaseid bigint PRIMARY KEY, servletcontextname varchar(75), schemaversion varchar(75),
  buildnumber integer);
CREATE TABLE public.lock_ (lockid bigint PRIMARY KEY, classname varchar(75), key_ varchar(255));
CREATE SEQUENCE public.ticket_number START 1000 INCREMENT 1 CACHE 1;
CREATE VIEW public.document_overview AS SELECT e.companyid, count(*) AS documents, sum(v.size_) AS bytes
  FROM public.dlfileentry e JOIN public.dlfileversion v USING (fileentryid) GROUP BY e.companyid;
COMMENT ON TABLE public.dlfileentry IS 'documents; their bytes are in the document library';
